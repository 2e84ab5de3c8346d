# The image of TrackLayer: one static binary, run by a user without rights.
# docs/house/dockerfile_test.go runs the build line below and checks the rest.

FROM golang:1.26 AS build
WORKDIR /src
# The modules are a layer of their own, which changes only with the go.mod files.
COPY go.mod go.sum ./
COPY canonical/go.mod canonical/
COPY sdk/go/go.mod sdk/go/
COPY adapters/growthbook/tap/go.mod adapters/growthbook/tap/
COPY adapters/launchdarkly/tap/go.mod adapters/launchdarkly/tap/
COPY adapters/optimizely/tap/go.mod adapters/optimizely/tap/
COPY adapters/posthog/tap/go.mod adapters/posthog/tap/
COPY adapters/statsig/tap/go.mod adapters/statsig/tap/
COPY adapters/vwo/tap/go.mod adapters/vwo/tap/
ENV GOWORK=off
RUN go mod download
COPY . .
ARG VERSION=dev
ARG COMMIT=unknown
RUN CGO_ENABLED=0 go build -trimpath \
    -ldflags "-s -w -X main.version=${VERSION} -X main.commit=${COMMIT}" \
    -o /out/tracklayer ./cmd/tracklayer
RUN mkdir -p /out/data /out/tmp

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /out/tracklayer /usr/local/bin/tracklayer
COPY --from=build --chown=65532:65532 /out/data /data
COPY --from=build --chown=65532:65532 /out/tmp /tmp
USER 65532:65532
# Other machines reach this address, so the program asks for keys at its start:
# set TRACKLAYER_KEYS_WRITE_FILE, TRACKLAYER_KEYS_READ_FILE and
# TRACKLAYER_KEYS_ADMIN_FILE (or TRACKLAYER_EDITING=off).
ENV TRACKLAYER_LISTEN=0.0.0.0:8080 TRACKLAYER_DATA_DIR=/data
VOLUME /data
EXPOSE 8080 8081
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s CMD ["/usr/local/bin/tracklayer", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/tracklayer"]
CMD ["serve"]
