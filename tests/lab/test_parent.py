"""What a process of the lab has from its parent."""

import socket

from prober.lab import parent


def test_two_may_be_bound_to_a_port():
    """A port that the parent keeps can be listened on, and answers come without delay."""
    with parent.bound(0) as one, parent.bound(one.getsockname()[1]) as other:
        assert one.getsockname() == other.getsockname()
        assert one.proto == socket.IPPROTO_TCP


def test_the_parent_is_told_by_a_line(capsys):
    """One line says that all is ready, and on which port."""
    parent.say_ready(8081)

    assert capsys.readouterr().out == "ready 8081\n"


def test_what_to_be_is_in_a_letter(monkeypatch):
    """The first line of stdin is a JSON document; what follows stays there."""
    reading, writing = socket.socketpair()
    with reading, writing, reading.makefile("rw") as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        writing.sendall(b'{"ports": [1]}\n')

        assert parent.letter() == {"ports": [1]}
