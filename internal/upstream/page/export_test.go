package page

// For fuzzing the columns of a record.
const FormatPlain = formatPlain

var Expand = expand
