package http1

// Error is why a message is not taken. All of them are values of this package's own:
// nothing is allocated, and they are not to be changed.
type Error struct {
	// Status is what a server answers: 400, 414, 417, 431, 501 or 505 for a request or
	// the body of any message, always 502 for a response's head.
	Status int
	// Reason is one line of plain English that names what is wrong.
	Reason string
}

// Error returns the reason.
func (e *Error) Error() string { return e.Reason }

// fault is an index of the tables of errors. The zero value is no fault.
type fault uint8

const (
	noFault fault = iota

	// Start lines.
	badMethod
	connectMethod
	emptyTarget
	badTarget
	badTargetByte
	fragmentInTarget
	asteriskTarget
	badAuthority
	badVersion
	unsupportedVersion
	requestLineEnd
	badStatus
	badReason
	requestLineTooLong

	// Lines.
	bareCR
	bareLF
	foldedLine
	spaceBeforeColon
	missingColon
	emptyName
	badName
	badValue
	headTooLarge
	tooManyFields

	// Fields.
	missingHost
	repeatedHost
	badHost
	repeatedLength
	badLength
	lengthTooLarge
	lengthWithCoding
	repeatedCoding
	badCoding
	unsupportedCoding
	codingInHTTP10
	badConnection
	tooManyOptions
	badExpect
	lengthWithStatus
	codingWithStatus

	// Chunks.
	badChunkSize
	chunkTooLarge
	badExtension
	extensionsTooLong
	badChunkEnd
	trailerTooLarge
	tooManyTrailers
	forbiddenTrailer

	faults // how many there are
)

// requestErrors are the errors of requests and of bodies.
var requestErrors = [faults]Error{
	badMethod:          {400, "the request does not begin with a method and a space"},
	connectMethod:      {501, "the method CONNECT is not supported"},
	emptyTarget:        {400, "the request target is empty"},
	badTarget:          {400, "the request target is neither a path nor an http or https URI"},
	badTargetByte:      {400, "the request target has a character that it may not have"},
	fragmentInTarget:   {400, "the request target has a fragment"},
	asteriskTarget:     {400, "the request target * is for OPTIONS only, and stands alone"},
	badAuthority:       {400, "the request target's authority is not a host with an optional port"},
	badVersion:         {400, "the protocol version is malformed"},
	unsupportedVersion: {505, "the protocol version is neither HTTP/1.1 nor HTTP/1.0"},
	requestLineEnd:     {400, "the request line does not end after the protocol version"},
	badStatus:          {502, "the status code is not a number from 100 to 999"},
	badReason:          {502, "the reason phrase has a control character"},
	requestLineTooLong: {414, "the request line is too long"},

	bareCR:           {400, "a carriage return is not followed by a line feed"},
	bareLF:           {400, "a line feed does not follow a carriage return"},
	foldedLine:       {400, "a field line begins with whitespace"},
	spaceBeforeColon: {400, "a field name is followed by whitespace"},
	missingColon:     {400, "a field line has no colon"},
	emptyName:        {400, "a field name is empty"},
	badName:          {400, "a field name has a character that it may not have"},
	badValue:         {400, "a field value has a control character"},
	headTooLarge:     {431, "the head is too large"},
	tooManyFields:    {431, "the head has too many fields"},

	missingHost:       {400, "the field Host is missing"},
	repeatedHost:      {400, "the field Host is repeated"},
	badHost:           {400, "the field Host is not a host with an optional port"},
	repeatedLength:    {400, "the field Content-Length is repeated"},
	badLength:         {400, "the field Content-Length is not a number"},
	lengthTooLarge:    {400, "the field Content-Length is too large a number"},
	lengthWithCoding:  {400, "there are both Content-Length and Transfer-Encoding"},
	repeatedCoding:    {400, "the field Transfer-Encoding is repeated"},
	badCoding:         {400, "the field Transfer-Encoding is malformed"},
	unsupportedCoding: {501, "the field Transfer-Encoding names another coding than chunked"},
	codingInHTTP10:    {400, "the field Transfer-Encoding is not for HTTP/1.0"},
	badConnection:     {400, "the field Connection is malformed"},
	tooManyOptions:    {400, "the field Connection names too many fields"},
	badExpect:         {417, "the field Expect names another expectation than 100-continue"},
	lengthWithStatus:  {502, "the status code goes without the field Content-Length"},
	codingWithStatus:  {502, "the status code goes without the field Transfer-Encoding"},

	badChunkSize:      {400, "a chunk's size is not a hexadecimal number"},
	chunkTooLarge:     {400, "a chunk's size is too large a number"},
	badExtension:      {400, "a chunk's extension has a control character"},
	extensionsTooLong: {400, "the chunks' extensions are too long"},
	badChunkEnd:       {400, "a chunk's data is not followed by an end of line"},
	trailerTooLarge:   {431, "the trailer section is too large"},
	tooManyTrailers:   {431, "the trailer section has too many fields"},
	forbiddenTrailer:  {400, "a field of the trailer section is for heads only"},
}

// responseErrors are the errors of responses: the same, all 502 (RFC 9110, 15.6.3).
var responseErrors = func() (errors [faults]Error) {
	for f, e := range requestErrors {
		errors[f] = Error{502, e.Reason}
	}
	return errors
}()
