"""Live demos for the lessons: a formula to play with before it is measured.

A demo is a pure model in Python (traits and a readout), a view in one .js file that computes the
same readout in the browser, and a static table for pages without a kernel. `base` is the pattern;
`panel.js`, `units.js` and `demo.css` are what the views share.
"""

from fedlab.widgets.bandwidth import BandwidthDemo

__all__ = ["BandwidthDemo"]
