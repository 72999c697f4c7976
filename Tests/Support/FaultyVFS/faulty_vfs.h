#pragma once

/// Makes the VFS the default of the process, once.
void faulty_vfs_register(void);
