package wire

import "syscall"

// limitMemory bounds what this process can allocate, for good. It is the data segment that is limited,
// which holds every writable private page (Linux 4.7); Go only reserves far more address space.
func limitMemory(bytes uint64) error {
	return syscall.Setrlimit(syscall.RLIMIT_DATA, &syscall.Rlimit{Cur: bytes, Max: bytes})
}
