"""The edge: bytes in and out. The only place with sockets on the way from a bot to an exchange."""
