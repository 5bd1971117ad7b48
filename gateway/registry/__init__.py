"""What bots may do, who says so, and since when: tokens, accounts and policies in force.

Law: the only place that changes what a token or an account may do. Every change is durable and recorded before
it is told; what widens needs the open vault, what narrows never does.
"""
