"""What the law gives to those whose words are kept, and how it is carried out and proven (MS-4, MS-8 … MS-12, YA-20, YA-21).

- `Erasures`: a contact, a conversation or a browser, over everything that holds anything of it, backups included.
- `Holds` stop it while the law wants the records kept; `Restrictions` freeze a conversation (Art. 18).
- `Rectifications` and `Redactions` change what readers see; the log says who did it and when.
- `Retention` deletes by rule, after a dry run; `Figures` counts without ids what deletion must not take along.
- `Certificates` say, signed, what was deleted, by which rule, and from when on it is final in every backup.
"""

from transcripts.rights.building import KINDS, Rights, build
from transcripts.rights.certificates import Certificate, Certificates, Finality
from transcripts.rights.erasures import Erasure, Erasures
from transcripts.rights.holdings import Holding, Whose
from transcripts.rights.holds import Covered, Hold, Holds
from transcripts.rights.rectifications import Correction, Rectifications
from transcripts.rights.redactions import Redactions
from transcripts.rights.restrictions import Restrictions
from transcripts.rights.retention import Planned, Retention
from transcripts.rights.retention_rules import Rule
from transcripts.rights.stocks import Old, Stock

__all__ = [
    "KINDS",
    "Certificate",
    "Certificates",
    "Correction",
    "Covered",
    "Erasure",
    "Erasures",
    "Finality",
    "Hold",
    "Holding",
    "Holds",
    "Old",
    "Planned",
    "Rectifications",
    "Redactions",
    "Restrictions",
    "Retention",
    "Rights",
    "Rule",
    "Stock",
    "Whose",
    "build",
]
