# SPDX-License-Identifier: Apache-2.0
#
#   docker build -t flowtally .        without a registry: make image
#   docker run -d --name flowtally --network host \
#       --cap-drop ALL --cap-add BPF --cap-add NET_ADMIN \
#       --security-opt no-new-privileges --security-opt seccomp=unconfined --read-only \
#       -v /etc/flowtally:/etc/flowtally:ro -v /var/lib/flowtally:/var/lib/flowtally \
#       -v /run/flowtally:/run/flowtally -v /sys/fs/bpf/flowtally:/run/flowtally/bpf flowtally
#
# The same stands in misc/container/docker-compose.yml, which says what each is for. podman makes no directory
# that is to be mounted: have the four first.
#
# seccomp=unconfined: the default profiles of podman (as of 4.3) and of Docker before 23.0 refuse bpf(2) to
# everyone without CAP_SYS_ADMIN; they do not know CAP_BPF.

FROM debian:12 AS builder
WORKDIR /src
COPY misc/dependencies misc/
RUN misc/dependencies build
COPY . .
RUN make -j"$(nproc)" && make install DESTDIR=/install PREFIX=/usr/local

FROM debian:12-slim
RUN apt-get update \
	&& apt-get install -y --no-install-recommends \
		ca-certificates \
		libbpf1 libcap2 libcrypt1 libelf1 libfixbuf9 libglib2.0-0 libgnutls30 libjansson4 \
		libmicrohttpd12 libmnl0 libncursesw6 libseccomp2 libtinfo6 libyaml-0-2 zlib1g \
	&& rm -rf /var/lib/apt/lists/*
COPY --from=builder /install/ /
LABEL org.opencontainers.image.title="flowtally" \
	org.opencontainers.image.description="Meters traffic in the Linux kernel and exports it by IPFIX and to Prometheus" \
	org.opencontainers.image.licenses="Apache-2.0 AND (GPL-2.0-only OR BSD-2-Clause)"
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/local/sbin/flowtally"]
CMD ["agent"]
