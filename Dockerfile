# One static binary in an empty file system: no shell, no libc, no package to patch but this one. For x86-64 or arm64,
# whichever --platform asks for.
FROM docker.io/library/swift:6.3-bookworm AS build
WORKDIR /src
COPY . .
# The linker's warnings about dlopen and getpw in a static binary are expected: nothing here calls them.
RUN swift build -c release --product softmaxd -Xswiftc -static-executable -Xlinker -s \
 && install -D "$(swift build -c release --show-bin-path)/softmaxd" /out/softmaxd

FROM scratch
ARG VERSION=unversioned
ARG REVISION=unknown
LABEL org.opencontainers.image.title="softmaxd" \
      org.opencontainers.image.description="Correctly rounded softmax, cross-entropy loss and gradient over HTTP" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /out/softmaxd /softmaxd
ENV SOFTMAXD_HOST=0.0.0.0
EXPOSE 8080
USER 65532:65532
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=2s --retries=3 CMD ["/softmaxd", "--probe"]
ENTRYPOINT ["/softmaxd"]
