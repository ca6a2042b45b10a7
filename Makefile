.PHONY: build test quick release

build:   ; CGO_ENABLED=0 go build -trimpath -o index ./cmd/index
test:    ; ./test.sh
quick:   ; ./test.sh --quick
release: ; ./release.sh
