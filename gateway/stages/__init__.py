"""The stages of the one path, each a small part that pipeline.py strings together."""
