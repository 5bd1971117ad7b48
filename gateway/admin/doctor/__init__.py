"""`doctor`: one look at everything that has to be right around a gateway, running or not. It mends nothing."""
