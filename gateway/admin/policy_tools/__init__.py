"""Tools for whoever writes a policy: test, explain, replay and attack it. They decide with the gateway's own code."""
