--- dgls, the DiffusionGemma Language Server: code filled in where the cursor is.
---
--- `vim.lsp.enable('dgls')` starts it for the file types below. It needs `dgls` on the PATH
--- (`pip install dgls`) and Neovim 0.12 or newer for suggestions at the cursor.
---
---@type vim.lsp.Config
return {
  cmd = { 'dgls', 'lsp' },
  filetypes = { 'python' },
  root_markers = { 'dgls.toml', { 'pyproject.toml', 'setup.py', 'setup.cfg' }, '.git' },
}
