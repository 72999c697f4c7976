#pragma once
// Memory for SQLite that is taken and given back all the time: worlds open connections by the thousand a second.
//
// Each thread keeps what it gives back for the next who asks for as much, and asks nobody else. It is never given to the
// system again, so that a process needs what it needed at its height.

/// Before SQLite is used for the first time; of no account after that.
void quick_memory_configure(void);
