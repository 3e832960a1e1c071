// Counts allocations, for tests of what must not allocate. It replaces malloc in the whole test
// program; glibc only.
#pragma once

// How often the calling thread has allocated so far.
long aura_test_allocations(void);
