"""Mutated media: everything that decodes, given what nobody would send on purpose.

``python -m tests.fuzz --count 10000 --jobs 2`` runs it; file number N of a seed is the same
each time, and ``--only N --keep FOLDER`` makes and runs it alone. What needs the files before
it, because one decoder serves several, comes again with ``--start`` some dozens earlier.
"""
