#pragma once
// A fast allocator for SQLite, because simulations open thousands of connections a second.
//
// Each thread keeps a free list per size class, without locks. Memory is never returned to the system, so a
// process keeps its peak usage.

/// Call it before the first use of SQLite; it has no effect later.
void quick_memory_configure(void);
