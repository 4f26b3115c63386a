"""What stands between a probe and the socket: stamps, bounds, deadlines. Only here are httpx and websockets met."""
