import { defineConfig } from "eslint/config";
import tseslint from "typescript-eslint";

// Names and messages of a run are hostile until proven otherwise: they become text nodes and nothing else.
const markup = "dangerouslySetInnerHTML|innerHTML|outerHTML|insertAdjacentHTML|srcdoc";

export default defineConfig(
  { ignores: ["node_modules"] },
  { files: ["**/*.mjs"], languageOptions: { globals: { process: "readonly", console: "readonly" } } },
  {
    files: ["src/**/*.ts", "src/**/*.tsx"],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      "max-lines": ["error", 400],
      "no-eval": "error",
      "no-restricted-syntax": [
        "error",
        { selector: `JSXAttribute[name.name=/^(${markup})$/]`, message: "Text nodes only." },
        { selector: `MemberExpression[property.name=/^(${markup})$/]`, message: "Text nodes only." },
        { selector: "CallExpression[callee.name='fetch']", message: "The file is offline." },
      ],
      "@typescript-eslint/no-unsafe-enum-assignment": "off", // uPlot declares enums that exist in its types only
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
    },
  },
);
