"""How bots are pointed at the gateway: one source for `token issue --for`, `exec` and docs/bots.md."""
