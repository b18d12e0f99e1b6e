# A static binary in an empty image, run by a user without rights.
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o /yushan ./cmd/yushan
RUN echo 'yushan:x:65532:65532:yushan:/:/sbin/nologin' > /passwd

FROM scratch
COPY --from=build /passwd /etc/passwd
COPY --from=build /yushan /yushan
# To check the CA that certificates are ordered from.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
USER 65532:65532
# DNS; DoT and DoQ; DoH over HTTP/2 and HTTP/3; the lab's ports for these.
EXPOSE 53/udp 53/tcp 853/tcp 853/udp 443/tcp 443/udp 5300/udp 5300/tcp 8853/udp 8853/tcp 8443/udp 8443/tcp
ENTRYPOINT ["/yushan"]
CMD ["serve", "--config", "/etc/yushan/yushan.yaml"]
