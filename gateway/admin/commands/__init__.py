"""The commands, a file each family. They parse, prompt and print; what is done, operations.py does.

Heavy imports stand inside the functions that need them: `token list` must not wait for a web server to be imported.
"""
