import * as esbuild from 'esbuild';
import { brotliCompressSync } from 'node:zlib';
const { BUNDLE } = await import(process.cwd()+'/bundle.mjs');
// minified text split by source via sourcemap
const r = await esbuild.build({...BUNDLE, alias:{...BUNDLE.alias,'offhook-web/module':process.cwd()+'/module/text.mjs'}, entryPoints:['src/entry.ts'], format:'esm', minify:true, legalComments:'none', write:false, sourcemap:'external', outfile:'x.js'});
const js=r.outputFiles.find(f=>f.path.endsWith('.js')).text; const map=JSON.parse(r.outputFiles.find(f=>f.path.endsWith('.map')).text);
// decode mappings
const B='ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const lines=js.split('\n'); const starts=[0]; for(const l of lines) starts.push(starts.at(-1)+l.length+1);
let src=0; const segs=[]; map.mappings.split(';').forEach((line,ln)=>{ let col=0; for(const seg of line.split(',')){ if(!seg) continue; const v=[];let sh=0,val=0; for(const ch of seg){const d=B.indexOf(ch); val|=(d&31)<<sh; if(d&32) sh+=5; else {v.push(val&1?-(val>>1):val>>1); val=0;sh=0;}} col+=v[0]; if(v.length>1){src+=v[1];} segs.push([starts[ln]+col, v.length>1?src:-1]); }});
const owner=new Int16Array(js.length).fill(-1); for(let i=0;i<segs.length;i++){const e=segs[i+1]?.[0]??js.length; owner.fill(segs[i][1],segs[i][0],e);} 
const size=t=>brotliCompressSync(t).length; const all=size(js); console.log('all',js.length,all);
const rows=map.sources.map((n,k)=>{let t='',own='';for(let i=0;i<js.length;i++) if(owner[i]!==k) t+=js[i]; else own+=js[i]; return [all-size(t),own.length,size(own),n];});
rows.sort((a,b)=>b[0]-a[0]); let s=0; for(const x of rows){s+=x[0];console.log(...x);} console.log(s);
