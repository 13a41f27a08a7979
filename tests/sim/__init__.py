"""The made world: held against reference traces, told as stories, drawn from seeds."""
