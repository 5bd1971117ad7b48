"""`capture`: mitmproxy in a process of its own, for bots that no setting leads to a proxy.

That process ends TLS and hands each request to the gateway over ``capture.sock``; it holds no real key, no token's
secret, no vault and no policy. What is decided, the one pipeline decides.
"""
