"""Checks of every signal against the limits in force and the headroom already promised.

`state` holds what risk remembers. `headroom` keeps what is promised to orders in flight, as a sum
per strategy and instrument (an `Exposure`). `sizes` says how big an order can become, `worst_case`
what a book can come to when everything in flight has traded. An `Evaluation` is one signal with
every figure that a rule may need, each computed when it is first read. `rules` lists the rules in
order; the guards are in `preconditions`, `size_limits`, `rate_limits`, `heat` and `breaker_trips`.
`pretrade` approves or refuses.
"""
