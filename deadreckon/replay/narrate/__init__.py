"""The verb `narrate`: a log as stories, each event under its cause."""
