// The ten steps for k6: `k6 run ten_steps.js`, driven by k6.py. A check that fails fails the run.

import { check } from 'k6';
import { hmac, sha256 } from 'k6/crypto';
import encoding from 'k6/encoding';
import http from 'k6/http';
import ws from 'k6/ws';

const target = __ENV.TARGET;
const key = __ENV.TARGET_KEY;

export const options = {
  vus: Number(__ENV.AT_ONCE),
  iterations: Number(__ENV.TURNS),
  noConnectionReuse: true,
  thresholds: { checks: ['rate==1'] },
};

function token(secret) {
  const now = Math.floor(Date.now() / 1000);
  const claims = { sub: 'staging-e2e-user-001', iat: now - 30, exp: now + 300 };
  const parts = [{ alg: 'HS256', typ: 'JWT' }, claims].map((part) => encoding.b64encode(JSON.stringify(part), 'rawurl'));
  const signed = parts.join('.');
  return `${signed}.${hmac('sha256', secret, signed, 'base64rawurl')}`;
}

const bearer = (secret) => ({ headers: { Authorization: `Bearer ${token(secret)}` } });

function talk(socket) {
  let answer = '';
  socket.on('message', (text) => {
    if (JSON.parse(text).type === 'pong') {
      answer = 'pong';
      socket.close(1000);
    } else {
      socket.send('{"type":"ping"}');
    }
  });
  socket.on('close', () => check(answer, { 'the socket answers': (said) => said === 'pong' }));
}

export default function () {
  const body = JSON.stringify({ token: token(key) });
  const refused = { ...bearer(`${key}x`), responseCallback: http.expectedStatuses(401) };
  const seen = {
    health: http.get(`${target}/health`),
    validates: http.post(`${target}/auth/validate`, body),
    messages: http.get(`${target}/api/chat/messages`, bearer(key)),
    refuses: http.get(`${target}/api/chat/messages`, refused),
    match: http.get(`${target}/hash`),
  };
  ws.connect(`${target.replace('http', 'ws')}/ws`, bearer(key), talk);
  check(seen, {
    'health is well': (all) => all.health.json('status') === 'healthy',
    'a good token is valid': (all) => all.validates.json('valid') === true,
    'a good token is let in': (all) => all.messages.status === 200,
    'a bad token is refused': (all) => all.refuses.status === 401,
    'the hashes are equal': (all) => all.match.json('hash') === sha256(key, 'hex'),
  });
}
