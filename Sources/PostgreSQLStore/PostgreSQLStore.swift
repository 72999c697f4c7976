internal import Ledger
internal import PostgreSQL
