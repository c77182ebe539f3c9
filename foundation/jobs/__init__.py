"""Work that must happen later, or at least once: the outbox for mails, and everything that falls due.

A job is a sealed record, so it survives a crash. Whoever runs it takes a *lease* by compare-and-set: for so long it is
nobody else's. A lease is renewed while the work goes on and given back at an orderly end; when a process dies, its
leases run out and the jobs are taken again. A job therefore runs **at least** once; handlers must bear a second time.

What fails is tried again after 5 s, 10 s, 20 s … at most an hour, and after its last try kept as failed and counted.
"""

from foundation.jobs.job import KINDS, GiveUp, Job, Retry
from foundation.jobs.periodic import Periodic
from foundation.jobs.queue import Jobs

__all__ = ["KINDS", "GiveUp", "Job", "Jobs", "Periodic", "Retry"]
