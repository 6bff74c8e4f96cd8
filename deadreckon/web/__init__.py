"""Pages and endpoints for a browser."""
