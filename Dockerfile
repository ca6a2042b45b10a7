# The server alone on an empty root: no shell, no package manager, nothing to keep patched but the binary.
# The digest is that of the image for all platforms, so that the same source makes the same binary. renovate.json keeps it up to
# date; "docker buildx imagetools inspect golang:1.26.8" prints the present one.
FROM golang:1.26.8@sha256:0f063af2d465d8dcae54cce04278ada488b96f77b42449c8d071e47d016cc65a AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
# Drivers of stores that are not used can be left out: --build-arg TAGS="nogcs noazure".
ARG TAGS=
# What "index version" says: --build-arg VERSION=v1.2.3.
ARG VERSION=
RUN CGO_ENABLED=0 go build -trimpath -tags="$TAGS" -ldflags="-s -w -X pyindex/internal/version.Version=$VERSION" -o /out/index ./cmd/index
# Volumes take over owner and mode of the folder they are first mounted on.
RUN mkdir -p /out/root/data /out/root/tmp && chmod 0700 /out/root/data && chmod 1777 /out/root/tmp

FROM scratch
# Issuers and object stores are reached over TLS.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build --chown=65534:65534 /out/root/ /
COPY --from=build /out/index /index
# "nobody" by number, so that orchestrators can see that it is not root.
USER 65534:65534
ENV INDEX_DATA_DIR=/data INDEX_LISTEN=0.0.0.0:8080
VOLUME /data
EXPOSE 8080
# No HEALTHCHECK: there is nothing in here to run one with. Ask /healthz and /readyz from outside.
ENTRYPOINT ["/index"]
CMD ["serve"]
