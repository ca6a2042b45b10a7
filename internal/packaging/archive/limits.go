package archive

// Limits bounds what an archive may cost. All sizes are bytes.
type Limits struct {
	Members   int   // members of one archive, folders included
	Directory int64 // a zip's central directory, or the names in a tar together
	Declared  int64 // what a zip's members say they unpack to, together
	Expanded  int64 // what is really decompressed during one inspection: a whole tar, or the zip bodies that must be read
	Bzip2     int64 // Expanded for bzip2, which is some ten times slower
	Free      int64 // no ratio is asked below this many unpacked bytes
	Ratio     int64 // unpacked bytes for each byte of the archive, above Free
	Metadata  int64 // METADATA or PKG-INFO
	Record    int64 // RECORD
	Small     int64 // WHEEL and entry_points.txt, each
}

const (
	kib = 1 << 10
	mib = 1 << 20
	gib = 1 << 30
)

// DefaultLimits fits what the public index serves: wheels of some gigabytes, sdists of half a gigabyte. Free and Ratio
// are the public index's rule for wheels, asked here of sdists too.
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

// unpacked is how much an archive of size bytes may unpack to, given a ceiling that holds for every size.
func (l Limits) unpacked(size, ceiling int64) int64 {
	fair := l.Free
	if l.Ratio > 0 && size > fair/l.Ratio {
		fair = min(size, ceiling) * l.Ratio
	}
	return min(fair, ceiling)
}

// Rules are the public index's refusals of archives that installers accept. The zero Rules asks only what safety and
// agreement of all readers ask.
type Rules struct {
	DataDescriptors bool // refuse zip members whose sizes stand after their bytes
	EntryComments   bool // refuse zip members with a comment of their own
	DistInfo        bool // the .dist-info folder is spelled exactly as the file name spells name and version
	EntryPoints     bool // entry_points.txt is valid INI and script names are of letters, digits, '_', '-' and '.'
	LicenseFiles    bool // every License-File of metadata 2.4 and later is in the archive
}

// PyPIRules turns every rule on.
func PyPIRules() Rules {
	return Rules{DataDescriptors: true, EntryComments: true, DistInfo: true, EntryPoints: true, LicenseFiles: true}
}
