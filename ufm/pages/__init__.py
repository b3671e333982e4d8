"""Pages: one HTML file that shows a result, turns, filters and moves, and needs neither network nor server.

What is found on disk (:mod:`ufm.pages.kinds`) becomes sections of tables and plots (:mod:`ufm.pages.content`), and
these a page (:mod:`ufm.pages.write`). Python computes; the page only shows: sliders choose among stored values.
"""
