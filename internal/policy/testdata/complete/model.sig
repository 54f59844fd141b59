{
  "dsseEnvelope": {
    "payload": "eyJfdHlwZSI6Imh0dHBzOi8vaW4tdG90by5pby9TdGF0ZW1lbnQvdjEiLCJwcmVkaWNhdGUiOnsicmVzb3VyY2VzIjpbeyJhbGdvcml0aG0iOiJzaGEyNTYiLCJkaWdlc3QiOiI3MTI3ZjBiYmQyYjllYjlhMmExZjdmOWFjMGJiZDRlNGIwZjVkZmQzYTNhMmIwYjZhMWU1YzRkM2YyYTE0YjFiIiwibmFtZSI6Im1vZGVsLnNhZmV0ZW5zb3JzIn1dLCJzZXJpYWxpemF0aW9uIjp7ImFsbG93X3N5bWxpbmtzIjpmYWxzZSwiaGFzaF90eXBlIjoic2hhMjU2IiwiaWdub3JlX3BhdGhzIjpbIm1vZGVsLnNpZyJdLCJtZXRob2QiOiJmaWxlcyJ9fSwicHJlZGljYXRlVHlwZSI6Imh0dHBzOi8vbW9kZWxfc2lnbmluZy9zaWduYXR1cmUvdjEuMCIsInN1YmplY3QiOlt7ImRpZ2VzdCI6eyJzaGEyNTYiOiI5MWY5YTQzY2U4ZmI4ZjYyNWUxMGYzNGFiM2UyNmM0NGFkNmU3MWUwN2YzZmIzN2I4NGJhOGNmMDc5Y2EzNTRiIn0sIm5hbWUiOiJiZW5lZml0LWd1aWRlIn1dfQ==",
    "payloadType": "application/vnd.in-toto+json",
    "signatures": [
      {
        "sig": "91WIvN4OOlgOzbjzwU/lvCTlpOgMSu7VMqsd2iYsozea6qZEBJSfzdcTywgVQRUGMSgKQayhw9scPPJXyV+GDg=="
      }
    ]
  },
  "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
  "verificationMaterial": {
    "publicKey": {
      "hint": "838ef9ec9e2590b8c2b5401de7de312253491ad2941abf1636bbb9307699f6ad"
    }
  }
}
