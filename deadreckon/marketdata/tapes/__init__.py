"""Tapes: recorded market data as files; read, judged, written, invented and drawn here."""
