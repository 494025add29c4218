// Starts Swagger UI on the element that names the description: <div id="api-docs" data-url="/api/v1/openapi.json">.

const place = document.getElementById("api-docs");

if (place) {
  globalThis.SwaggerUIBundle({
    domNode: place,
    url: place.dataset.url,
    deepLinking: true,
    validatorUrl: null,
    requestInterceptor: (request) => {
      const token = document.querySelector('meta[name="csrf-token"]')?.content;
      if (token && request.method !== "GET") request.headers["X-CSRFToken"] = token;
      return request;
    },
  });
}
