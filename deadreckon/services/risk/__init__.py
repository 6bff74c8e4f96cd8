"""Risk: weighs every wish against the limits in force and the headroom already promised."""
