"""The edges that talk to venues: they send what `fill` intended, and record what came back."""
