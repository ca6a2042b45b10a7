package archive

// Limits bounds the size of an archive and the cost of inspecting it. All sizes are in bytes.
type Limits struct {
	Members   int   // number of members, including folders
	Directory int64 // a zip's central directory, or the total length of a tar's names
	Declared  int64 // total unpacked size that a zip's members declare
	Expanded  int64 // bytes decompressed in one inspection: a whole tar, or the zip bodies that must be read
	Bzip2     int64 // Expanded for bzip2, which is about ten times slower
	Free      int64 // unpacked size up to which Ratio does not apply
	Ratio     int64 // unpacked bytes per byte of the archive, above Free
	Metadata  int64 // METADATA or PKG-INFO
	Record    int64 // RECORD
	Small     int64 // WHEEL and entry_points.txt, each
}

const (
	kib = 1 << 10
	mib = 1 << 20
	gib = 1 << 30
)

// DefaultLimits accepts the files that PyPI serves: wheels of some gigabytes, sdists of half a gigabyte. Free and Ratio
// are PyPI's rule for wheels; here they apply to sdists too.
func DefaultLimits() Limits {
	return Limits{
		Members:   200_000,
		Directory: 48 * mib,
		Declared:  64 * gib,
		Expanded:  8 * gib,
		Bzip2:     1 * gib,
		Free:      64 * mib,
		Ratio:     50,
		Metadata:  8 * mib,
		Record:    32 * mib,
		Small:     1 * mib,
	}
}

// unpacked returns the unpacked size allowed for an archive of size bytes, at most ceiling.
func (l Limits) unpacked(size, ceiling int64) int64 {
	fair := l.Free
	if l.Ratio > 0 && size > fair/l.Ratio {
		fair = min(size, ceiling) * l.Ratio
	}
	return min(fair, ceiling)
}

// Rules are PyPI's restrictions on archives that installers accept. The zero Rules requires only that the archive is
// safe and unambiguous.
type Rules struct {
	DataDescriptors bool // reject zip members whose sizes follow their content
	EntryComments   bool // reject comments on zip members
	Duplicates      bool // reject two zip members of one name also if they are the same
	DistInfo        bool // require name and version of the .dist-info folder to be spelled as in the file name
	EntryPoints     bool // require valid INI in entry_points.txt and script names of letters, digits, '_', '-' and '.'
	LicenseFiles    bool // require every License-File of metadata 2.4 and later in the archive

	// Legacy accepts more than the zero Rules: an sdist without PKG-INFO, and metadata without a name or version. The file
	// name then decides.
	Legacy bool
}

// PyPIRules enables every rule.
func PyPIRules() Rules {
	return Rules{
		DataDescriptors: true, EntryComments: true, Duplicates: true, DistInfo: true, EntryPoints: true, LicenseFiles: true,
	}
}
