# Only the server on an empty root file system: no shell, no package manager, nothing to patch but the binary.
# The digest is that of the multi-platform image, so that the same source builds the same binary. renovate.json keeps it up to
# date; "docker buildx imagetools inspect golang:1.26.8" prints the current one.
FROM golang:1.26.8@sha256:0f063af2d465d8dcae54cce04278ada488b96f77b42449c8d071e47d016cc65a AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
# Leave out the drivers of unused stores: --build-arg TAGS="nogcs noazure".
ARG TAGS=
# Set the output of "index version": --build-arg VERSION=v1.2.3.
ARG VERSION=
RUN CGO_ENABLED=0 go build -trimpath -gcflags=all=-dwarf=false -pgo=cmd/index/warm.pprof -tags="$TAGS" -ldflags="-s -w -X pyindex/internal/version.Version=$VERSION" -o /out/index ./cmd/index
# A new volume gets the owner and mode of the folder on which it is mounted.
RUN mkdir -p /out/root/data /out/root/tmp && chmod 0700 /out/root/data && chmod 1777 /out/root/tmp

FROM scratch
# Connections to issuers and object stores use TLS.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build --chown=65534:65534 /out/root/ /
COPY --from=build /out/index /index
# The user "nobody" by number, so that orchestrators can verify that it is not root.
USER 65534:65534
ENV INDEX_DATA_DIR=/data INDEX_LISTEN=0.0.0.0:8080
VOLUME /data
EXPOSE 8080
# No HEALTHCHECK: the image contains no program for it. Query /healthz and /readyz from outside.
ENTRYPOINT ["/index"]
CMD ["serve"]
