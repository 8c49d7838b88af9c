"""From a profile and a bundle to an answer.

A tour. ``offers`` says what a disease has to offer whoever has it, with ``records`` (who says so,
and of which year) and ``degrees`` (rank among drugs of equal degree). ``case`` is one patient
before a bundle and ``batch`` many; both choose by ``choosing``. ``histories`` and ``findings`` are
what the rest of the profile adds, ``conformal`` when to stay silent, ``gaps`` what is not known,
and ``describe`` the words.
"""
