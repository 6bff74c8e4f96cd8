"""How the rooms are put together into a running stack."""
