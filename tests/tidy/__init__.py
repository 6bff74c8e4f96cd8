"""Rules about the source that DESIGN and STYLE state in prose, each with samples that break it."""
