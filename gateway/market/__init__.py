"""What is true outside: the exchanges' clocks, their instruments, and reference prices, each with its age."""
