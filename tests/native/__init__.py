"""The extension in C against its counterparts in Python, and how it is built."""
