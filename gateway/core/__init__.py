"""The nouns. Frozen values; nothing here imports anything else of ours."""
