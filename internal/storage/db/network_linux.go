package db

import "syscall"

// networks are the numbers that statfs returns for network file systems (statfs(2)).
var networks = map[uint32]string{
	0x6969:     "NFS",
	0x517B:     "SMB",
	0xFF534D42: "CIFS",
	0xFE534D42: "SMB2",
	0x01021997: "9P",
	0x00C36400: "Ceph",
	0x5346414F: "AFS",
	0x0BD00BD0: "Lustre",
	0x47504653: "GPFS",
	0x65735546: "FUSE",
}

// networkFileSystem returns the name of the network file system that a file is on, or "".
func networkFileSystem(path string) string {
	var s syscall.Statfs_t
	if err := syscall.Statfs(path, &s); err != nil {
		return ""
	}
	return networks[uint32(s.Type)] //nolint:gosec,unconvert // the numbers have 32 bits
}
