"""What a person touches: the command line, the control socket, the admin page. Secrets pass through, none is kept."""
