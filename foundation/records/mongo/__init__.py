"""The engine to outgrow one machine with: a database of a MongoDB server, over PyMongo's asyncio driver or over Motor.

`mongodb://` and `mongodb+srv://` use PyMongo; `mongodb+motor://` hands the same code a Motor client (its makers ended it in
May 2026 in favour of the former). The package of each is an extra and is imported when such a store is opened.
"""

from foundation.records.mongo.engine import MongoEngine
from foundation.records.mongo.places import check_url, is_mongo, without_password

__all__ = ["MongoEngine", "check_url", "is_mongo", "without_password"]
