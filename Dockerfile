# The build stage runs on the builder's own platform and cross-compiles, so multi-platform images are quick.
FROM --platform=$BUILDPLATFORM golang:1.26 AS build
ARG TARGETOS TARGETARCH VERSION=dev
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH \
    go build -trimpath -ldflags "-s -w -X main.version=$VERSION" -o /out/lumos ./cmd/lumos \
 && mkdir /out/data /out/tmp

# Nothing but the binary and the CA certificates: no shell, no package manager, no root.
FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/lumos /usr/local/bin/lumos
COPY --from=build --chown=65532:65532 /out/data /var/lib/lumos
COPY --from=build --chown=65532:65532 /out/tmp /tmp
USER 65532:65532
ENV LUMOS_DATA_DIR=/var/lib/lumos LUMOS_LISTEN=:8080 LUMOS_LOG_FORMAT=json
VOLUME /var/lib/lumos
EXPOSE 8080
# The image has no curl: the binary asks its own readiness endpoint.
HEALTHCHECK --interval=15s --timeout=3s --start-period=10s CMD ["/usr/local/bin/lumos", "health"]
ENTRYPOINT ["/usr/local/bin/lumos"]
CMD ["serve", "--config", "/etc/lumos/lumos.yaml"]
