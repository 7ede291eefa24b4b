--- dgls, the DiffusionGemma Language Server: code filled in at the cursor.
---
--- `require('dgls').setup()`, or `vim.lsp.enable('dgls')` alone, starts it for the file types below.
--- It needs `dgls` on the PATH (docs/install.md) and Neovim 0.12 or newer.
---
---@type vim.lsp.Config
return {
  cmd = { 'dgls', 'lsp' },
  -- Python reads this before dgls starts: a shell's `PYTHONPATH=.` would import from the project.
  cmd_env = { PYTHONPATH = '' },
  -- dgls is silent in languages that its model was not trained on; the embedded one knows Python.
  filetypes = {
    'python',
    'javascript',
    'javascriptreact',
    'typescript',
    'typescriptreact',
    'rust',
    'go',
    'java',
    'c',
    'cpp',
    'cs',
    'ruby',
    'php',
    'kotlin',
    'lua',
    'sh',
    'bash',
    'markdown',
    'html',
    'css',
    'sql',
    'yaml',
    'toml',
    'json',
    'jsonc',
  },
  root_markers = { 'dgls.toml', { 'pyproject.toml', 'setup.py', 'setup.cfg' }, '.git' },
  -- The status for `require('dgls').status()` is sent to clients that ask for it.
  capabilities = { experimental = { dglsStatus = true, dglsInstruction = true } },
  commands = {
    ['dgls.editByInstruction'] = function(command, context)
      require('dgls.instruct').command(command, context)
    end,
  },
  handlers = {
    ['dgls/status'] = function(_, report)
      require('dgls.status').set(report)
    end,
  },
}
