# One static binary in an empty file system: no shell, no libc, no package to patch but this one. For x86-64 or arm64,
# whichever --platform asks for. SWIFT may pin the base: --build-arg SWIFT=docker.io/library/swift@sha256:…
ARG SWIFT=docker.io/library/swift:6.3-bookworm
FROM ${SWIFT} AS build
WORKDIR /src
COPY . .
# The linker's warnings about dlopen and getpw in a static binary are expected: nothing here calls them.
# What was built stays in a cache from one build to the next, in a folder for each architecture.
RUN --mount=type=cache,id=softmaxd-build,sharing=locked,target=/src/.build \
    swift build -c release --scratch-path ".build/$(uname -m)" --product softmaxd \
      -Xswiftc -static-executable -Xlinker -s \
 && install -D ".build/$(uname -m)/release/softmaxd" /out/softmaxd

FROM scratch
ARG VERSION=unversioned
ARG REVISION=unknown
LABEL org.opencontainers.image.title="softmaxd" \
      org.opencontainers.image.description="Correctly rounded softmax, cross-entropy loss and gradient over HTTP" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /out/softmaxd /softmaxd
# Large tensors in huge pages, where the kernel gives them to those that ask: docs/deployment.md, "Huge pages".
ENV SOFTMAXD_HOST=0.0.0.0 GLIBC_TUNABLES=glibc.malloc.hugetlb=1
EXPOSE 8080
USER 65532:65532
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=2s --retries=3 CMD ["/softmaxd", "--probe"]
ENTRYPOINT ["/softmaxd"]
