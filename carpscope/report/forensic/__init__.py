"""A folder that says what happened, how it is known, and how anyone can check it."""
